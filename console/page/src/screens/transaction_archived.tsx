// A transaction while the server does not answer: what the archive and the console have of it.
import { Failure, type Found, type Review } from "../shared/api";
import { clean } from "../shared/format";
import { Rows } from "./live";

export interface Archived {
  error: string;
  archived?: Found[];
  review?: Review | null;
}

/** What is known where the server does not answer; undefined: it failed for another reason. */
export function archivedOf(reason: unknown): Archived | undefined {
  if (!(reason instanceof Failure) || reason.status !== 503) return undefined;
  return reason.body as Archived;
}

export function ArchivedTransaction({ found }: { found: Archived }) {
  const rows = found.archived ?? [];
  if (rows.length === 0) return null;
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
