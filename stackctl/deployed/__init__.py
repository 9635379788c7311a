"""The stack that runs, in any cluster: kubectl, the target, its pods and Secrets, scaling."""
