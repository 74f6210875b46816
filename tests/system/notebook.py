# SPDX-License-Identifier: Apache-2.0
"""What a browser does with a notebook.

Usage: notebook.py start PORT            starts a kernel and prints its id once it is ready
       notebook.py run CONNECTION CODE   runs code in a kernel and prints what that printed
"""
import http.cookiejar
import json
import sys
import urllib.request

from jupyter_client import BlockingKernelClient

LIMIT = 60


def start(port):
    url = f"http://localhost:{port}"
    cookies = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    browser.open(f"{url}/tree", timeout=LIMIT).read()
    token = next(cookie.value for cookie in cookies if cookie.name == "_xsrf")
    request = urllib.request.Request(f"{url}/api/kernels", data=b"{}", headers={"X-XSRFToken": token})
    print(json.load(browser.open(request, timeout=LIMIT))["id"])


def run(connection, code):
    client = BlockingKernelClient(connection_file=connection)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=LIMIT)

    def show(message):
        if message["msg_type"] == "stream":
            sys.stdout.write(message["content"]["text"])

    reply = client.execute_interactive(code, timeout=LIMIT, output_hook=show)
    client.stop_channels()
    return 0 if reply["content"]["status"] == "ok" else 1


sys.exit({"start": start, "run": run}[sys.argv[1]](*sys.argv[2:]))
