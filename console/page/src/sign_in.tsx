import { useState } from "preact/hooks";
import { post, type Session } from "./api";
import { messageOf, Notice } from "./parts";

export function SignInScreen({ done }: { done: (session: Session) => void }) {
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      done(await post<Session>("/api/sign-in", { name: form.get("name"), password: form.get("password") }));
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    setBusy(false);
  };
  return (
    <main class="sign-in">
      <h1>Harrier</h1>
      {problem && <Notice bad>{problem}</Notice>}
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Name
          <input name="name" autocomplete="username" required autoFocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button type="submit" disabled={busy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
