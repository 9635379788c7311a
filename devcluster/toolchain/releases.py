"""Whether releases of Pulumi can be downloaded from this machine."""

import os
import urllib.error
import urllib.request
from functools import cache

URL = "https://get.pulumi.com/releases/sdk/latest-version"
ANSWER_SECONDS = 5


@cache
def can_be_downloaded() -> bool:
    """Whether the download server answers. Without this check the installers wait for minutes.

    Uses the proxy of the environment. Trusts a user who has configured another source of plugins.
    """
    if os.environ.get("PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES"):
        return True
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, method="HEAD"), timeout=ANSWER_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
