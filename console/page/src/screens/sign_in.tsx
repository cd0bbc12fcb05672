import { useState } from "preact/hooks";
import { clean } from "../shared/format";
import { post, type Session } from "../shared/api";
import { Heading, messageOf, Notice } from "../shared/parts";

function focusOnce(element: HTMLElement | null): void {
  element?.focus();
}

// notice: why somebody is here who was signed in.
export function SignInScreen({ done, notice }: { done: (session: Session) => void; notice: string }) {
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
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <p class="mark">Harrier</p>
      <Heading title="Sign in" />
      {notice && !problem && <Notice>{notice}</Notice>}
      {problem && <Notice bad>{clean(problem)}</Notice>}
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Name
          <input name="name" autocomplete="username" required ref={focusOnce} />
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
