import type { Readable } from "openapi-typescript-helpers";
import type { components } from "./schema";
import type { components as queueComponents } from "./queue-schema";

/** As openapi-fetch hands it out: what only a request may hold is left out. */
type Schemas = Readable<components["schemas"]>;
type QueueSchemas = Readable<queueComponents["schemas"]>;

export type Evaluation = Schemas["Evaluation"];
export type EvaluationSummary = Schemas["EvaluationSummary"];
export type EvaluationPage = Schemas["EvaluationPage"];
export type EvaluationRequest = Schemas["EvaluationRequest"];
export type CaseView = Schemas["CaseView"];
export type CompileView = Schemas["CompileView"];
export type OutputView = Schemas["OutputView"];
export type SubmittedProgram = Schemas["SubmittedProgram"];
export type Limits = Schemas["Limits"];
export type Evidence = Schemas["Evidence"];
export type RuntimeOffer = Schemas["RuntimeOffer"];
export type ExecutorSeen = Schemas["ExecutorSeen"];
export type TierOffer = Schemas["TierOffer"];
export type TaskView = QueueSchemas["TaskView"];
export type QueueStats = QueueSchemas["QueueStats"];
export type LaneView = QueueSchemas["LaneView"];

export type Status = Evaluation["status"];
export type Verdict = NonNullable<Evaluation["verdict"]>;
export type Isolation = NonNullable<Evaluation["isolation"]>;
export type Network = EvaluationRequest["network"];
export type StreamName = "stdout" | "stderr";

/** A submission as people write it: the generated type demands what has a default, too. */
export type Submission = Pick<EvaluationRequest, "runtime"> &
  Partial<Omit<EvaluationRequest, "limits">> & { limits?: Partial<Limits> };
