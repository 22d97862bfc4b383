"""The Lambda functions: ingest what is announced, scan for what was not, and the tasks of the backfill workflow."""

import gc
import os

if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    gc.disable()  # nothing that a start makes is garbage, and looking for it is a tenth of it; `begin` enables it
