"""Gap: a FIFO event source mapping runs one batch at a time for the whole queue.

AWS runs as many groups side by side as MaximumConcurrency allows. The emulator is serial because its batches may span
groups; at batch size 1 they cannot, and the queue itself holds a group back while one of its messages is in flight.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc


def apply() -> None:
    """Let mappings with batch size 1 use their MaximumConcurrency on a FIFO queue too."""
    original = lambda_svc._sqs_esm_concurrency

    def concurrency(esm: dict[str, Any], function: Any, config: Any, queue: Any = None) -> int:
        one_group = esm.get("BatchSize") == 1
        return int(original(esm, function, config, None if one_group else queue))

    lambda_svc._sqs_esm_concurrency = concurrency
