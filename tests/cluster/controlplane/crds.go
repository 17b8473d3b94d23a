// Package controlplane pins what the cluster tests run and read; see docs/testing.md.
//
// The programs are the module's tools. What is imported here is read, not run: the module holds
// the CustomResourceDefinition of ProvisioningRequest.
package controlplane

import (
	_ "k8s.io/autoscaler/cluster-autoscaler/apis/provisioningrequest/autoscaling.x-k8s.io/v1"
)
