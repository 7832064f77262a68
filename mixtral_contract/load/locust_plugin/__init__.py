"""The one room that knows Locust: options, user, roles of a process, web pages."""
