"""The HTTP interface, version 1: one table of operations gives the routes, the checks and the OpenAPI document."""
