import type {
  Isolation,
  Network,
  RuntimeOffer,
  Submission,
  SubmittedProgram,
} from "@/shared/api/types";
import { quoteArg, splitArgs } from "@/shared/text/split-args";
import { changedLimits, type DraftLimits } from "./limits";

/** What is being written. Only limits that differ from the defaults are in it. */
export interface Draft {
  runtime: string;
  source: string;
  stdin: string;
  /** As typed: words, quoted like in a shell. */
  args: string;
  limits: DraftLimits;
  /** The least that it may run under; null leaves it to the server. */
  isolation: Isolation | null;
  network: Network;
}

export const EMPTY_DRAFT: Draft = {
  runtime: "",
  source: "",
  stdin: "",
  args: "",
  limits: {},
  isolation: null,
  network: "none",
};

/** `name@version`, which means exactly this offer. */
export function runtimeId(offer: RuntimeOffer): string {
  return `${offer.name}@${offer.version}`;
}

/** The offer that a draft's runtime means; the first when it names none that is there. */
export function offerFor(
  runtime: string,
  offers: readonly RuntimeOffer[],
): RuntimeOffer | undefined {
  const [name = ""] = runtime.split("@");
  return (
    offers.find((offer) => runtimeId(offer) === runtime) ??
    offers.find((offer) => offer.name === name || (offer.aliases ?? []).includes(name)) ??
    offers[0]
  );
}

/** The draft as the body of a submission. Raises Error when the arguments have an open quote. */
export function requestOf(draft: Draft, offer: RuntimeOffer): Submission {
  return {
    runtime: runtimeId(offer),
    source: draft.source,
    stdin: draft.stdin,
    args: splitArgs(draft.args),
    limits: draft.limits,
    network: draft.network,
    ...(draft.isolation === null ? {} : { isolation: draft.isolation }),
  };
}

/** A stored program as a draft, or null when it has several files or bytes that are not text. */
export function draftOf(program: SubmittedProgram): Draft | null {
  const [file] = program.files;
  if (program.files.length !== 1 || file === undefined || file.encoding === "base64") return null;
  return {
    runtime: program.runtime,
    source: file.content,
    stdin: program.stdin,
    args: program.args.map(quoteArg).join(" "),
    limits: changedLimits(program.limits),
    isolation: program.isolation,
    network: program.network,
  };
}
