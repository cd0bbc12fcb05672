// One's own password. The first one was made by the program, and others have seen it.
import { useState } from "preact/hooks";
import { post, type Session } from "../shared/api";
import { clean } from "../shared/format";
import { Heading, messageOf, Notice } from "../shared/parts";

// changed: all of the person's sessions have ended, this one too.
export function PasswordScreen({ session, changed }: { session: Session; changed: () => void }) {
  const [problem, setProblem] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setProblem("");
    if (form.get("new") !== form.get("again")) {
      setProblem("The new password was not typed the same way twice.");
      return;
    }
    try {
      await post("/api/password", { old: form.get("old"), new: form.get("new") });
      changed();
    } catch (reason) {
      setProblem(messageOf(reason));
    }
  };
  return (
    <div class="narrow">
      <Heading title="Your password" />
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <form onSubmit={(event) => void submit(event)}>
        <input type="hidden" autocomplete="username" value={session.person ?? ""} />
        <label>
          Old password
          <input name="old" type="password" autocomplete="current-password" required />
        </label>
        <label>
          New password, of at least 12 characters
          <input name="new" type="password" autocomplete="new-password" minLength={12} required />
        </label>
        <label>
          New password again
          <input name="again" type="password" autocomplete="new-password" required />
        </label>
        <button type="submit">Change it and sign out everywhere</button>
      </form>
    </div>
  );
}
