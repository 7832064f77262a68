"""HTTP/1.1 on the event loop, with a stamp for what is sent and received; knows nothing of completions."""
