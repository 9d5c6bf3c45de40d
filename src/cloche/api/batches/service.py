"""What the API Service does with batches."""

from collections.abc import AsyncIterator, Collection
from typing import Any, cast
from uuid import UUID

import orjson

from cloche.api.admission import Admission
from cloche.api.batches import views
from cloche.api.batches.comparison import Comparisons
from cloche.api.batches.feed import BatchFeed
from cloche.api.batches.intake import check_problem, read
from cloche.api.batches.layers import canonical, content_id
from cloche.api.batches.ndjson import Line, parse_object
from cloche.api.batches.progress import Progress
from cloche.api.batches.reruns import Reruns, Which
from cloche.api.batches.store import BatchStore
from cloche.api.batches.uploads import Upload, lines_of
from cloche.api.catalogue import CatalogueReader
from cloche.api.checks import Catalogue
from cloche.api.settings import ApiSettings
from cloche.contracts.batches import Batch, ProblemRequest, StoredProblem
from cloche.contracts.tallies import MEASURE_VERDICT
from cloche.kit.errors import ConflictError, InvalidRequestError, MalformedRequestError


class Rules:
    """What submissions of batches are checked against."""

    def __init__(
        self, settings: ApiSettings, catalogue: CatalogueReader, admission: Admission, store: BatchStore
    ) -> None:
        self.settings = settings
        self._catalogue = catalogue
        self._admission = admission
        self._store = store

    @property
    def lanes(self) -> Collection[str]:
        """The queue's lanes."""
        return self._admission.lanes

    async def refresh(self) -> None:
        """Know the lanes."""
        await self._admission.refresh()

    async def catalogue(self, wanted: str) -> Catalogue:
        """What executors offer."""
        return await self._catalogue.catalogue(wanted)

    async def stored_problem(self, tenant: str, problem_id: bytes) -> bytes | None:
        """The body of a problem that was stored before."""
        return await self._store.problem_body(tenant, problem_id)


class Batches:
    """Problems and batches of any tenant."""

    def __init__(
        self, store: BatchStore, rules: Rules, feed: BatchFeed, reruns: Reruns, comparisons: Comparisons
    ) -> None:
        self._metrics = feed.metrics
        self.store = store
        self.comparisons = comparisons
        self.progress = Progress(store)
        self.max_line_bytes = rules.settings.max_body_bytes
        self._rules = rules
        self._feed = feed
        self._reruns = reruns

    async def keep_problem(self, raw: bytes, tenant: str) -> StoredProblem:
        """Store a problem under its content; a repeat answers the first.

        Raises:
            InvalidRequestError: a field is wrong.
        """
        body = parse_object(raw, len(raw))
        read(ProblemRequest, body)
        await self._rules.refresh()
        if body.get("runtime"):
            await check_problem(body, {}, self._rules)
        encoded = canonical(body)
        problem_id = content_id(encoded)
        await self.store.keep_problem(tenant, problem_id, encoded, len(body.get("cases", [])))
        return views.problem(await self.store.problem(tenant, problem_id))

    async def upload(
        self, lines: AsyncIterator[Line], *, tenant: str, key: str | None, partial: bool, whole: bool = False
    ) -> UUID:
        """Take a batch in; its id. Raises as ``Upload.run``."""
        await self._rules.refresh()
        upload = Upload(self.store, self._rules, self._note_stored, tenant=tenant, key=key, partial=partial)
        with self._metrics.submission_seconds.time():
            return await upload.run(lines, whole=whole)

    def _note_stored(self, count: int) -> None:
        self._metrics.submitted.inc(count)
        self._feed.wake()

    async def upload_body(self, raw: bytes, *, tenant: str, key: str | None, partial: bool) -> UUID:
        """As ``upload``, of a JSON body: all of it or nothing, unless ``partial``."""
        try:
            body: object = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise MalformedRequestError(f"The body is not valid JSON: {error}") from None
        if not isinstance(body, dict):
            raise MalformedRequestError("The body is not a JSON object.")
        return await self.upload(
            lines_of(raw, cast("dict[str, Any]", body)), tenant=tenant, key=key, partial=partial, whole=True
        )

    async def cancel(self, batch_id: UUID, tenant: str) -> None:
        """Ask for a cancellation; idempotent, and without effect once finished. Raises as ``load``."""
        await self.store.note_if_finished(batch_id)
        if await self.store.cancel(batch_id, tenant):
            self._feed.wake()
        else:
            await self.store.find(batch_id, tenant)

    async def pause(self, batch_id: UUID, tenant: str, *, paused: bool) -> None:
        """Hold back what waits, or no longer.

        Raises:
            ConflictError: the batch is finished or cancelled.
            NotFoundError: as ``load``.
        """
        await self.store.note_if_finished(batch_id)
        if not await self.store.pause(batch_id, tenant, paused=paused):
            await self.store.find(batch_id, tenant)
            raise ConflictError("The batch is finished or cancelled.")
        self._feed.wake()

    async def delete(self, batch_id: UUID, tenant: str) -> None:
        """Remove a finished batch and its evaluations. Raises as ``pause``."""
        await self.store.note_if_finished(batch_id)
        if not await self.store.delete(batch_id, tenant):
            await self.store.find(batch_id, tenant)
            raise ConflictError("The batch is not finished: cancel it first.")

    async def rerun(self, batch_id: UUID, tenant: str, which: Which, key: str | None) -> UUID:
        """Run evaluations of a finished batch again; the batch that has them.

        Raises:
            ConflictError: it is not finished, or its upload was refused.
            InvalidRequestError: there is nothing to run again.
        """
        known = await self.store.upload_of(tenant, None, key) if key else None
        if known is not None and known.received:
            return known.batch_id
        row = await self.store.find(batch_id, tenant)
        counts = (await self.store.counts([batch_id], MEASURE_VERDICT))[batch_id]
        status = views.status_of(row, views.finished_of(counts))
        if status not in {"complete", "cancelled"}:
            raise ConflictError(f"The batch is {status}: only a finished one can be run again.")
        if which != "ungradable":
            made = await self._reruns.as_new_batch(row, which, key)
        elif await self._reruns.in_place(row):
            made = batch_id
        else:
            raise InvalidRequestError("There is nothing to run again.")
        self._feed.wake()
        return made

    async def load(self, batch_id: UUID, tenant: str) -> Batch:
        """Everything of one batch.

        Raises:
            NotFoundError: there is none, or it is another tenant's.
        """
        row = await self.store.find(batch_id, tenant)
        counts = await self.store.counts([batch_id])
        return views.batch(row, counts[batch_id], await self.store.rates(batch_id))
