"""Values of YAML that its versions read differently."""

SPELLINGS = """\
config:
  namespace: no
  kubeContext:
  openaiApiKey: ~
  open-webui-stack:openWebui:
    integers: [010, 0o17, 0x1F, 0b101, 1_000, -3, +4, 0, 08]
    numbers: [1e3, 1.50, .5, 3.0, 2., 1E-2]
    words: [no, on, y, yes, Off, true, True, FALSE, ~, null, Null]
    dates: [2026-01-31]
    8080: x
    true: x
"""
