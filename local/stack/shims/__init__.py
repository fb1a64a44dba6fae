"""One file per gap between the emulator and AWS; none changes what a function runs.

They run inside the emulator's process (see launcher.py, which checks the pinned version) and import nothing of the
project.
"""

from __future__ import annotations

from local.stack.shims import (
    alarm_dimensions,
    alarm_lambda_action,
    embedded_metrics,
    fifo_concurrency,
    http_api_routes,
    leading_keys,
    loopback_tls,
    one_worker_dies,
    queue_metrics,
)

SHIMS = (
    http_api_routes,
    fifo_concurrency,
    leading_keys,
    loopback_tls,
    alarm_dimensions,
    alarm_lambda_action,
    embedded_metrics,
    queue_metrics,
    one_worker_dies,
)
