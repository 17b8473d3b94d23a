"""Names, quantities and limits as Kubernetes and GKE define them."""
