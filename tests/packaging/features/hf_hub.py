"""A Parquet file comes from a hub, here a server on this machine that answers as the hub does."""

import hashlib
import io
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

image = io.BytesIO()
Image.new("L", (4, 4)).save(image, "png")
table = pa.table({"image": [image.getvalue()] * 2, "label": [0, 1]})
sink = pa.BufferOutputStream()
pq.write_table(table, sink)
CONTENT = sink.getvalue().to_pybytes()


class Hub(BaseHTTPRequestHandler):
    """Answers every path with the one file."""

    def do_HEAD(self):
        """Say what the file is."""
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()

    def do_GET(self):
        """Send the file."""
        self.do_HEAD()
        self.wfile.write(CONTENT)

    def log_message(self, *arguments):
        """Keep quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {
    "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
    "HF_HOME": os.path.abspath("hub"),
    "HF_HUB_DISABLE_XET": "1",
    "NO_PROXY": "127.0.0.1",
}

from normlaws.problems import load_data_set  # noqa: E402 - the hub's address is read on import

files = {"train": ["train.parquet"], "test": ["test.parquet"]}
data = load_data_set("parquet", ".", hub="me/mine", gray=True, **files)
assert data.pool_images.shape == (2, 1, 4, 4)
