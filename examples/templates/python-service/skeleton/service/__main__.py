"""Starts the service: for now it answers that it is alive."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers GET /livez with 204."""

    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/livez" else 404)
        self.end_headers()


HTTPServer(("", 8080), Handler).serve_forever()
