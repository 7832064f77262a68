"""A server that answers by the contract: every status, field and shape is read from `spec/openapi.yaml`.

`service` decides, `replies` says what is answered, `engine` says when, `admission` says who may. `wire` owns the bytes
of HTTP/1.1, `asgi` serves clients of the same process, `breaks` violates one clause each.
"""
