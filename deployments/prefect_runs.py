"""How a command, which runs without Prefect, deletes Prefect's runs that hold a person's address."""

import os

from deployments.prefect_api import answering_api
from deployments.prefect_environment import prefect_folder
from flows.publishing.erasure import ForgetRuns
from models.settings import Settings


def forget_runs_of(settings: Settings) -> ForgetRuns | None:
    """What deletes them; None where Prefect has kept none.

    A server that is not running is brought up for as long as that takes, some half a minute.
    """
    api = answering_api(settings)
    if api is not None:
        os.environ["PREFECT_API_URL"] = api
        if settings.prefect_auth is not None:
            os.environ["PREFECT_API_AUTH_STRING"] = settings.prefect_auth.get_secret_value()
    elif (prefect_folder(settings) / "prefect.db").is_file():
        os.environ["PREFECT_HOME"] = str(prefect_folder(settings))
        os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
        os.environ["PREFECT_API_URL"] = ""
    else:
        return None
    # Here, not above: Prefect takes two seconds to import, and reads its settings when it is.
    from flows.running.forgetting import forget_runs

    return forget_runs
