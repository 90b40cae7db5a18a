"""Container health: `python healthcheck.py ingest readyz` exits 0 when the service of this container answers 200.

The port is the service's own setting, so a container with another port needs no other check.
"""

import http.client
import os
import sys

PORTS = {
    "ingest": ("MYTHWATCH_INGEST_METRICS_PORT", 9101),
    "classify": ("MYTHWATCH_CLASSIFY_METRICS_PORT", 9102),
    "alert": ("MYTHWATCH_ALERT_METRICS_PORT", 9103),
}


def main() -> int:
    service, path = sys.argv[1:]
    setting, default = PORTS[service]
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get(setting) or default), timeout=4)
    try:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        print(answer.read(2000).decode())
        return 0 if answer.status == 200 else 1
    except OSError as error:
        print(f"{service} does not answer: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
