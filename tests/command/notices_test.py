# SPDX-License-Identifier: Apache-2.0
"""packaging/notices against an HTTP server that answers as each cloud's does, and says at the third question that it is time."""
import email.utils
import http.server
import json
import os
import subprocess
import threading
import time
import unittest
from pathlib import Path

NOTICES = Path(__file__).parents[2] / "packaging" / "notices"


class Cloud(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, code=200, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def is_time(self):
        self.server.asked += 1
        return self.server.asked > 2

    def do_PUT(self):
        self.answer("TOKEN==", 200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else 400)

    def do_GET(self):
        if self.path == "/latest/meta-data/spot/instance-action":
            self.answer_as_ec2()
        elif self.path.startswith("/computeMetadata/v1/instance/preempted?") and self.headers["Metadata-Flavor"] == "Google":
            is_time = self.is_time()
            self.answer("TRUE" if is_time else "FALSE", ETag=f"e{self.server.asked}")
        elif self.path.startswith("/metadata/instance/compute/name?") and self.headers["Metadata"] == "true":
            self.answer("vm1")
        elif self.path.startswith("/metadata/scheduledevents?") and self.headers["Metadata"] == "true":
            self.answer_as_azure()
        else:
            self.answer("", 400)

    def answer_as_ec2(self):
        if self.headers["X-aws-ec2-metadata-token"] != "TOKEN==":
            self.answer("", 401)
        elif self.is_time():
            then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
            self.answer(json.dumps({"action": "terminate", "time": then}))
        else:
            self.answer("<html>none</html>", 404)

    def answer_as_azure(self):
        event = {"EventId": "1", "EventStatus": "Scheduled", "EventType": "Preempt", "ResourceType": "VirtualMachine",
                 "Resources": ["vm0"], "NotBefore": email.utils.formatdate(time.time() + 25, usegmt=True)}
        freeze = {**event, "EventType": "Freeze", "Resources": ["vm1"]}
        events = [event, freeze] + ([{**event, "Resources": ["vm0", "vm1"]}] if self.is_time() else [])
        self.answer(json.dumps({"DocumentIncarnation": 1, "Events": events}))


class Notices(unittest.TestCase):
    def notice(self, *words, address="127.0.0.1:1"):
        env = {**os.environ, "CEDANA_METADATA": address, "CEDANA_NOTICE_EVERY": "0.05"}
        return subprocess.run([NOTICES / words[0], *words[1:]], env=env, capture_output=True, text=True, timeout=60)

    def seconds_from_cloud(self, name):
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud) as server:
            server.asked = 0
            threading.Thread(target=server.serve_forever, args=(0.02,)).start()
            try:
                done = self.notice(name, address=f"127.0.0.1:{server.server_port}")
            finally:
                server.shutdown()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(server.asked, 3)
        return int(done.stdout)

    def test_each_tells_the_seconds_that_are_left(self):
        self.assertIn(self.seconds_from_cloud("notice-aws"), range(110, 121))
        self.assertEqual(self.seconds_from_cloud("notice-gcp"), 30)
        self.assertIn(self.seconds_from_cloud("notice-azure"), range(15, 26))

    def test_each_fails_where_there_is_no_such_cloud(self):
        for name in ("notice-aws", "notice-gcp", "notice-azure"):
            done = self.notice(name)
            self.assertEqual((done.returncode, done.stdout), (1, ""), name)
            self.assertIn("cannot be had from 127.0.0.1:1", done.stderr)


if __name__ == "__main__":
    unittest.main()
