"""Events on disk that wait for delivery, in two classes that do not touch each other."""
