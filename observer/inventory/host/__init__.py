"""Reads from one host what decides verification: flags, manifests, configuration files; never a private key."""
