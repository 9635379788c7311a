"""Whether Pulumi's own releases can be downloaded from here."""

import os
import urllib.error
import urllib.request
from functools import cache

URL = "https://get.pulumi.com/releases/sdk/latest-version"
ANSWER_SECONDS = 5


@cache
def can_be_downloaded() -> bool:
    """Whether the place of the releases answers. Asked first: the installers themselves wait minutes for a silent one.

    A proxy is used as the environment says. Whoever has told Pulumi to take plugins from elsewhere is believed.
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
