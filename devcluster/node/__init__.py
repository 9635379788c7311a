"""A real node on this machine: containerd, kubelet, kube-proxy and CoreDNS, with images made from packages."""
