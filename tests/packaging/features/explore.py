"""The explorer serves its page on this machine alone."""

import threading
import urllib.request

from normlaws.explore.server import prepare
from normlaws.laws import plant

server = prepare(plant(sizes=[100, 200, 400, 800], seeds=2).write("study.parquet"))
threading.Thread(target=server.serve_forever, daemon=True).start()
with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/") as page:
    assert page.status == 200
