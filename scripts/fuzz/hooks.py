"""What schemathesis loads beside its settings."""

import atexit
import itertools

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

calls = itertools.count(1)
statuses = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each call comes from an address of its own, since limits count addresses."""
    n = next(calls)
    case.headers["X-Forwarded-For"] = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


@schemathesis.hook
def after_call(context, case, response):
    # Other methods of its path are tried as well.
    if case.method.upper() == case.operation.method.upper():
        statuses.setdefault(case.operation.label, set()).add(response.status_code)


@schemathesis.check
def malformed_data_rejection(ctx, response, case):
    """As schemathesis's own check, but for headers: one that is not understood counts as not sent."""
    header = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if header is not None and header.mode.is_negative:
        return None
    return negative_data_rejection(ctx, response, case)


@atexit.register
def tell():
    """How deep it went: an operation that always refuses has shown little of itself."""
    refused = sorted(label for label, seen in statuses.items() if min(seen) >= 400)
    print(f"{len(statuses) - len(refused)} of {len(statuses)} operations succeeded at least once")
    if refused:
        print("\n".join(["Never:", *(f"  {label} ({', '.join(map(str, sorted(statuses[label])))})" for label in refused)]))
