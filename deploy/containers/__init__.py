"""What the hub's processes need in containers and nowhere else: secrets in files, probes, a gateway that drains."""
