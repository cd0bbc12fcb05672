// A transaction while the server does not answer: what the archive and the console have of it.
import { Failure, type Found, type Review } from "../shared/api";
import { clean } from "../shared/format";
import { Rows } from "./live";

export interface Archived {
  error: string;
  archived?: Found[];
  review?: Review | null;
}

/** What a failed answer has of the transaction; undefined: nothing. */
export function archivedOf(reason: unknown): Archived | undefined {
  if (!(reason instanceof Failure) || reason.status !== 503) return undefined;
  const body = reason.body as Archived | undefined;
  return body?.archived && body.archived.length > 0 ? body : undefined;
}

export function ArchivedTransaction({ found }: { found: Archived }) {
  const rows = found.archived ?? [];
  return (
    <>
      <p>This is what the archive has. How it was decided is derived again by the server, once it answers.</p>
      <Rows rows={rows.map((each) => each.row)} labels={rows.map((each) => each.label)} />
      {found.review?.note && (
        <p>
          Note of {clean(found.review.decided_by)}: {clean(found.review.note)}
        </p>
      )}
    </>
  );
}
