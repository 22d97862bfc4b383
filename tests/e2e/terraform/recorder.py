"""Every call of a function to AWS, with its parameters and the status of its answer."""

from collections import defaultdict
from contextlib import contextmanager
from copy import deepcopy

from tests.e2e.terraform.needs import Asked

TEST = "test"
_CALL = "orderlake_test_call"


class Recorder:
    """Listens to the clients that a session makes from now on."""

    def __init__(self, session, aws):
        self.calls: dict[str, list[Asked]] = defaultdict(list)
        self.unheard: dict[str, set[tuple[str, str]]] = defaultdict(set)
        """By function: what the server was asked and no client told, and the other way round."""
        self.aws = aws
        self._function = ""
        self._events = session.events
        self._handlers = {
            "provide-client-params": self._asked,
            "after-call": self._answered,
            "after-call-error": self._not_answered,
        }
        for name, handler in self._handlers.items():
            self._events.register(name, handler)

    def close(self):
        """Listen to no new clients."""
        for name, handler in self._handlers.items():
            self._events.unregister(name, handler)

    @contextmanager
    def during(self, function):
        """What is called meanwhile is called by this function."""
        self.aws.faults.forget_calls()
        heard = {name: len(calls) for name, calls in self.calls.items()}
        self._function = function
        try:
            yield
        finally:
            self._function = ""
        served = {(call.service, call.operation) for call in self.aws.faults.calls()}
        told = {
            (call.service, call.operation) for name, calls in self.calls.items() for call in calls[heard.get(name, 0) :]
        }
        self.unheard[function] |= served ^ told

    @contextmanager
    def aside(self):
        """What is called meanwhile is called by the test, and by no function."""
        before, self._function = self._function, TEST
        try:
            yield
        finally:
            self._function = before

    def _asked(self, params, model, context, **_):
        kept = {name: deepcopy(value) for name, value in params.items() if name != "Body"}
        context[_CALL] = model.service_model.service_name, model.name, kept

    def _answered(self, http_response, context, **_):
        self._hear(context, http_response.status_code)

    def _not_answered(self, context, **_):
        self._hear(context, 0)

    def _hear(self, context, status):
        if self._function:
            service, operation, params = context[_CALL]
            self.calls[self._function].append(Asked(service, operation, params, status))
