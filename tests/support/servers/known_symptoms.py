"""What `stackctl doctor` recognizes in a log that a real server or application has written."""

from datetime import UTC, datetime

from stackctl.doctor.evidence import Evidence
from stackctl.doctor.rules import diagnose


def symptoms(app: str, log: str) -> list[str]:
    """The symptoms that show in the log of a pod of an application (its label ``app``)."""
    pod = {"metadata": {"name": f"{app}-0", "labels": {"app": app}}, "status": {}}
    evidence = Evidence(
        at=datetime.now(UTC),
        deployment={"metadata": {}, "spec": {"replicas": 1}},
        pods=(pod,),
        logs={f"{app}-0": log},
    )
    return [diagnosis.rule.symptom for diagnosis in diagnose(evidence)]
