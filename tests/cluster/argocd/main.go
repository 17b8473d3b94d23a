// Runs the parts of Argo CD that apply an ApplicationSet from a Git repository; see
// docs/testing.md. Argo CD's own program holds its server, its web pages and its command line too.
package main

import (
	"fmt"
	"os"

	"github.com/alicebob/miniredis/v2"
	application "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	repository "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "argocd"}
	root.AddCommand(
		named("application-controller", application.NewCommand()),
		named("applicationset-controller", applicationset.NewCommand()),
		named("repo-server", repository.NewCommand()),
		redis(),
	)
	if err := root.Execute(); err != nil {
		os.Exit(1)
	}
}

func named(name string, command *cobra.Command) *cobra.Command {
	command.Use = name
	return command
}

// redis serves what the parts share, in memory.
func redis() *cobra.Command {
	return &cobra.Command{
		Use:  "redis ADDRESS",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			server := miniredis.NewMiniRedis()
			if err := server.StartAddr(arguments[0]); err != nil {
				return fmt.Errorf("redis: %w", err)
			}
			select {}
		},
	}
}
