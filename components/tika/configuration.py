"""The configuration file of the Tika server."""

from .memory import heap
from .names import PORT
from .settings import TikaSettings

CONFIG_FILE = "tika-config.xml"


def tika_config(settings: TikaSettings) -> str:
    """``tika-config.xml``: the address, and the heap of the process that parses.

    `-Xmx` on the command line would be that of the process that supervises. The timeouts are those of the release:
    https://cwiki.apache.org/confluence/display/TIKA/TikaServer
    """
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<properties>
  <server>
    <params>
      <host>0.0.0.0</host>
      <port>{PORT}</port>
      <forkedJvmArgs>
        <arg>-Xmx{heap(settings.resources.memory_limit)}m</arg>
      </forkedJvmArgs>
    </params>
  </server>
</properties>
"""
