"""Who is who by the Kubernetes API: lists and watches, kept in bounded memory, made into an inventory."""
