"""What the API server's refusal of something that we make means."""

from modelberth.ports.kube import ApiError
from modelberth.reconcile.problem import Problem


def rejection(error: ApiError) -> Problem:
    """The problem that it is; ``error`` is one that trying again does not end."""
    if error.status == 403 and "exceeded quota" in error.message:
        return Problem("QuotaExceeded", f"The API server refuses a child: {error.message}", stalled=True)
    reason = "InvalidSpec" if error.status == 422 or error.status == 400 else "Rejected"
    words = error.message.rstrip(".")
    text = f"The API server refuses what this spec makes: {words}. Look at spec.podTemplate first."
    return Problem(reason, text, stalled=True)
