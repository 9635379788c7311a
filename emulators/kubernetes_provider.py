"""Emulator of the official `kubernetes` provider 4.3x in server-side-apply mode.

What it decides (diffs, replacements, readiness, ownership) is in the modules beside; here the engine's requests become
requests to the API server and back. Order of steps, texts and state (`__inputs`, `__fieldManager`, ...) are the
official provider's.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from pulumi_values.urns import name_of, type_of

from . import awaiting, field_managers, manifests, messages, readiness
from .cluster import ApiError, Cluster, NoSuchKindError, UnreachableError
from .immutable_fields import immutable_fields
from .kubernetes_configuration import (
    Configuration,
    KubeconfigError,
    configuration_changes,
    provider_schema,
    unserved_options,
)
from .object_diff import as_live, changes, normalized
from .plugin import THREADS, Engine, InitializationError, Provider, ProviderError
from .property_values import Properties, Unknown, decode, encode, has_unknown, mark_secrets, redact, reveal

Object = dict[str, Any]

# Seconds before another try where a namespace or a custom resource's definition may be on its way: 63 s in all.
RETRY_DELAYS = (1, 2, 4, 8, 16, 32)
REPLACE_UNREADY = "replaceUnready"
INPUTS, INITIAL_API_VERSION, FIELD_MANAGER = "__inputs", "__initialApiVersion", "__fieldManager"


class KubernetesProvider(Provider):
    """Serves every kind of object that the API server has, custom ones included, but those of `manifests.unserved`."""

    name = "kubernetes"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._use(Configuration({}))

    def _use(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.cluster = Cluster(configuration, connections=THREADS)

    def cancel(self, _: Empty) -> Empty:
        super().cancel(_)
        self.cluster.stop_watching()
        return _

    def get_schema(self, _: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=provider_schema(self.version))

    def check_config(self, request: Any) -> Any:
        failures = [
            provider_pb2.CheckFailure(property=option, reason=str(self.refusal("option", option)))
            for option in unserved_options(reveal(decode(request.news)))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def diff_config(self, request: Any) -> Any:
        olds, news = reveal(decode(request.olds)), reveal(decode(request.news))
        try:
            changed, replaces = configuration_changes(olds, news)
        except KubeconfigError as error:
            raise ProviderError(f"failed to parse kubeconfig: {error}") from error
        response = provider_pb2.DiffResponse
        return response(changes=response.DIFF_SOME if changed else response.DIFF_NONE, diffs=changed, replaces=replaces)

    def configure(self, request: Any) -> Any:
        options = reveal(decode(request.args))
        known = {name: value for name, value in options.items() if not isinstance(value, Unknown)}
        self._use(Configuration(known))
        return super().configure(request)

    def check(self, request: Any) -> Any:
        inputs, old = decode(request.news), reveal(decode(request.olds))
        manifest = normalized(reveal(inputs))
        refused = manifests.unserved(type_of(request.urn), manifest)
        if refused:
            raise self.refusal(*refused)
        manifests.adopt_name(manifest, old, lambda: _autoname(request))
        metadata = manifest["metadata"]
        if isinstance(metadata, dict) and not metadata.get("namespace") and not self._cluster_scoped(manifest):
            metadata["namespace"] = self.configuration.namespace
        return provider_pb2.CheckResponse(inputs=encode(mark_secrets(manifest, inputs)))

    def _cluster_scoped(self, manifest: Object) -> bool:
        known = manifests.cluster_scoped(manifest)
        if known is not None:
            return known
        try:
            return not self.cluster.resource(manifest["apiVersion"], manifest["kind"])["namespaced"]
        except (ApiError, NoSuchKindError, UnreachableError):
            return False

    def diff(self, request: Any) -> Any:
        state = reveal(decode(request.olds))
        new = normalized(reveal(decode(request.news)))
        old = as_live(normalized(state.pop(INPUTS, {})), state)
        manifests.in_one_place(old, new, state)
        immutable = immutable_fields(
            new,
            mutable_secrets=self.configuration.enabled("enableSecretMutable"),
            mutable_config_maps=self.configuration.enabled("enableConfigMapMutable"),
        )
        details, replaces = {}, []
        for change in changes(old, new):
            path = change.property_path
            if manifests.is_ignored(path, request.ignoreChanges):
                continue
            replace = change.replaces(immutable)
            kind = provider_pb2.PropertyDiff.Kind.Value(f"{change.kind}_REPLACE" if replace else change.kind)
            details[path] = provider_pb2.PropertyDiff(kind=kind, inputDiff=change.is_deletion)
            replaces += [path] if replace else []
        unready = self._unready(request.urn, new, state)
        replaces += [unready] if unready else []
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if details or unready else response.DIFF_NONE,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and manifests.delete_before_replace(new, state),
            detailedDiff=details,
            hasDetailedDiff=True,
        )

    def _unready(self, urn: str, manifest: Object, state: Properties) -> str:
        """Path of the annotation that replaces a Job which has not come to its end; empty if it does not."""
        if awaiting.annotation(manifest, REPLACE_UNREADY) != "true":
            return ""
        if manifest.get("kind") != "Job":
            self.engine.warn(urn, f"{REPLACE_UNREADY} annotation is not supported for this resource")
            return ""
        try:
            live = self.cluster.get(manifests.reference(state))
        except UnreachableError:
            self.engine.warn(urn, f"Cluster is unreachable, skipping {REPLACE_UNREADY} check")
            return ""
        except (ApiError, NoSuchKindError):
            return ""
        ready = readiness.job_progress(live, []).ready
        return "" if ready else f'.metadata.annotations["pulumi.com/{REPLACE_UNREADY}"]'

    def create(self, request: Any) -> Any:
        inputs = decode(request.properties)
        manifest = reveal(inputs)
        with _redacted_errors(inputs):
            if request.preview:
                foreseen = self._foreseen_creation(request.urn, manifest)
                properties = _state(manifest, foreseen, inputs, {}) if foreseen else request.properties
                return provider_pb2.CreateResponse(properties=properties)
            live = self._create(request.urn, manifest, inputs)
            manager = {FIELD_MANAGER: _manager(manifest, {})}
            try:
                live = self._waiting(request, manifest).until_ready(manifest, live)
            except awaiting.NotReadyError as error:
                reasons = [messages.created_not_ready(request.urn, error), *error.problems]
                state = _state(manifest, error.live, inputs, manager)
                raise _not_ready(manifests.identifier_of(live), state, reasons, inputs) from error
        self.engine.status(request.urn, "")
        return provider_pb2.CreateResponse(
            id=manifests.identifier_of(live), properties=_state(manifest, live, inputs, manager)
        )

    def _foreseen_creation(self, urn: str, manifest: Object) -> Object | None:
        """What a creation would make, as a dry run says; None where none can say."""
        if has_unknown(manifest) or not self.cluster.serves(manifest):
            return None
        try:
            foreseen = self.cluster.create(manifest, manager=field_managers.CREATOR, preview=True)
        except UnreachableError:
            return None
        except ApiError as error:
            # A replacement's name is still taken, a namespace of the same preview is not there yet.
            if error.reason in ("AlreadyExists", "Forbidden") or error.lacks_namespace or error.refuses_dry_run:
                if error.reason == "AlreadyExists":
                    self.engine.status(urn, f"Retry #0; creation failed: {error}")
                return None
            raise ProviderError(messages.not_created(urn, error)) from error
        return {key: value for key, value in foreseen.items() if key != "status"}

    def _create(self, urn: str, manifest: Object, inputs: Properties) -> Object:
        for attempt, delay in enumerate(RETRY_DELAYS):
            try:
                return self.cluster.create(manifest, manager=field_managers.CREATOR)
            except (ApiError, NoSuchKindError) as error:
                failure = error
            self.engine.status(urn, redact(f"Retry #{attempt}; creation failed: {failure}", inputs))
            may_come = isinstance(failure, NoSuchKindError) or failure.reason == "NotFound"
            if not may_come or self.cancelled.wait(delay):
                break
        if isinstance(failure, NoSuchKindError):
            kind = f"{manifest['apiVersion']}/{manifest['kind']}"
            raise ProviderError(messages.no_such_kind(f'creation of resource "{urn}" with kind {kind}', failure))
        raise ProviderError(messages.not_created(urn, failure, exists=failure.reason == "AlreadyExists"))

    def update(self, request: Any) -> Any:
        inputs, old = decode(request.news), reveal(decode(request.olds))
        manifest = normalized(reveal(inputs))
        with _redacted_errors(inputs):
            if request.preview and (has_unknown(manifest) or not self.cluster.serves(manifest)):
                return provider_pb2.UpdateResponse(properties=request.news)
            try:
                live = self._apply(request, manifest, old)
                if not request.preview:
                    live = self._waiting(request, manifest).until_ready(manifest, live)
            except NoSuchKindError as error:
                raise ProviderError(messages.no_such_kind(f'update of resource "{request.urn}"', error)) from error
            except (ApiError, awaiting.NotReadyError) as error:
                if request.preview and getattr(error, "reason", "") == "Forbidden":
                    return provider_pb2.UpdateResponse(properties=request.news)
                raise self._not_updated(request.urn, manifest, inputs, old, error) from error
        if not request.preview:
            self.engine.status(request.urn, "")
        return provider_pb2.UpdateResponse(properties=_state(manifest, live, inputs, old))

    def _apply(self, request: Any, manifest: Object, old: Properties) -> Object:
        """Apply server-side. A preview is a dry run, before which the owner of fields cannot be changed."""
        manager, preview = _manager(manifest, old), bool(request.preview)
        live = self.cluster.get(manifests.reference(old))
        if manifest["kind"] == "CustomResourceDefinition":
            versioned = {"resourceVersion": live["metadata"]["resourceVersion"], **manifest["metadata"]}
            return self.cluster.replace({**manifest, "metadata": versioned}, manager=manager, preview=preview)
        takeover = field_managers.takeover(live, manager)
        if takeover and not preview:
            live = self.cluster.patch(live, takeover)
        forced = self.configuration.enabled("enablePatchForce") or awaiting.annotation(manifest, "patchForce") == "true"
        force = forced or (preview and field_managers.created_here(live))
        manifest = field_managers.without_ignored(manifest, live, manager, list(request.ignoreChanges))
        try:
            return self.cluster.apply(manifest, manager=manager, force=force, preview=preview)
        except ApiError as error:
            if error.reason == "Conflict":
                error.args = (messages.field_conflict(manager, error),)
            raise

    def _not_updated(
        self, urn: str, manifest: Object, inputs: Properties, old: Properties, error: Exception
    ) -> ProviderError:
        try:
            live = self.cluster.get(manifests.reference(old))
        except (ApiError, UnreachableError) as missing:
            return ProviderError(f'update of resource "{urn}" failed: {error}\nunable to get cluster state: {missing}')
        identifier = manifests.identifier_of(live)
        problems = error.problems if isinstance(error, awaiting.NotReadyError) else ()
        reasons = [messages.updated_not_ready(identifier, error), *problems]
        return _not_ready(identifier, _state(manifest, live, inputs, old), reasons, inputs)

    def read(self, request: Any) -> Any:
        inputs, state = decode(request.inputs), reveal(decode(request.properties))
        manifest = normalized(reveal(inputs))
        imported = "kind" not in manifest
        if imported:
            manifest = dict(zip(("apiVersion", "kind"), manifests.kind_of_type(type_of(request.urn)), strict=True))
        namespace, _, name = request.id.rpartition("/")
        with _redacted_errors(inputs):
            try:
                live = self.cluster.get({**manifest, "metadata": {"name": name, "namespace": namespace}})
            except NoSuchKindError:
                return provider_pb2.ReadResponse()
            except ApiError as error:
                if error.code == 404:
                    return provider_pb2.ReadResponse()
                raise
            except UnreachableError as error:
                self.engine.warn(request.urn, f"{messages.CLUSTER_UNREACHABLE}: {error}")
                subject = "failed to read resource state due to unreachable cluster"
                raise ProviderError(messages.unreachable(subject)) from error
            refreshed = manifests.imported_inputs(live) if imported else as_live(manifest, live)
            properties = _state(refreshed, live, inputs, state)
            refreshed_inputs = encode(mark_secrets(refreshed, inputs))
            problems = None if imported else awaiting.problems_now(self.cluster, manifest, live)
        if problems is not None:
            reasons = [f"Resource '{name}' was created but failed to initialize", *problems]
            raise _not_ready(request.id, properties, reasons, inputs, refreshed_inputs)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=refreshed_inputs)

    def delete(self, request: Any) -> Empty:
        marked = decode(request.properties)
        state = reveal(marked)
        manifest, live = state.get(INPUTS, {}), manifests.reference(state)
        policy = awaiting.annotation(manifest, "deletionPropagationPolicy").capitalize()
        propagation = policy if policy in ("Orphan", "Background") else "Foreground"
        with _redacted_errors(marked):
            try:
                self.cluster.delete(live, propagation=propagation)
                self._waiting(request, manifest).until_gone(manifest, live)
            except NoSuchKindError:
                return Empty()
            except ApiError as error:
                if error.code != 404:
                    raise
            except UnreachableError as error:
                self.engine.warn(request.urn, f"{messages.CLUSTER_UNREACHABLE}: {error}")
                raise ProviderError(messages.unreachable(messages.CLUSTER_UNREACHABLE)) from error
            except awaiting.NotReadyError as error:
                raise _not_ready(request.id, request.properties, [str(error)], marked) from error
        self.engine.status(request.urn, "")
        return Empty()

    def _waiting(self, request: Any, manifest: Object) -> awaiting.Waiting:
        last_message = ""

        def report(message: str) -> None:
            nonlocal last_message
            if message != last_message:
                self.engine.status(request.urn, message)
            last_message = message

        seconds = awaiting.seconds_allowed(manifest, request.timeout)
        return awaiting.Waiting(self.cluster, self.cancelled, report, seconds)


def _autoname(request: Any) -> str:
    if request.HasField("autonaming"):
        if request.autonaming.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE:
            raise ProviderError("autonaming is disabled, resource requires the .metadata.name field to be set")
        return str(request.autonaming.proposed_name)
    seed: bytes = request.randomSeed or secrets.token_bytes(4)
    return f"{name_of(request.urn)}-{seed[:4].hex()}"


def _manager(manifest: Object, state: Properties) -> str:
    """Name under which fields are owned: the user's, else the one of the last time, else a new one."""
    chosen = awaiting.annotation(manifest, "patchFieldManager")
    return chosen or state.get(FIELD_MANAGER) or f"{field_managers.CREATOR}-{secrets.token_hex(4)}"


def _state(manifest: Object, live: Object, inputs: Properties, old: Properties) -> Struct:
    """What the stack keeps: the live object and the manifest it came from, secrets marked in both."""
    return encode(
        {
            **mark_secrets(live, inputs),
            INPUTS: mark_secrets(manifest, inputs),
            INITIAL_API_VERSION: old.get(INITIAL_API_VERSION) or manifest["apiVersion"],
            FIELD_MANAGER: _manager(manifest, old),
        }
    )


def _not_ready(
    identifier: str, state: Struct, reasons: list[str], secret: Properties, inputs: Struct | None = None
) -> InitializationError:
    return InitializationError(identifier, state, [redact(reason, secret) for reason in reasons], inputs)


@contextmanager
def _redacted_errors(secret: Properties) -> Iterator[None]:
    """Errors within the body become a `ProviderError` without the secrets in `secret`."""
    try:
        yield
    except InitializationError:
        raise
    except UnreachableError as error:
        raise ProviderError(redact(f"{messages.CLUSTER_UNREACHABLE}: {error}", secret)) from error
    except Exception as error:
        raise ProviderError(redact(str(error) or type(error).__name__, secret)) from error
