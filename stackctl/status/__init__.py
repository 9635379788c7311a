"""The running stack: releases, replicas, topology, backups, and the alerts that would fire now."""
