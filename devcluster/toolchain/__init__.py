"""The programs that a deployment needs: Pulumi, its providers, a Kubernetes control plane."""
