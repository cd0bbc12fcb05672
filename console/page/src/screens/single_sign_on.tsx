// Signing in where a proxy in front of the console says who asks: there is no form.
import { useEffect, useState } from "preact/hooks";
import { post, type Session } from "../shared/api";
import { clean } from "../shared/format";
import { Heading, messageOf, Notice } from "../shared/parts";

// left: the person signed out here, and must ask to come in again.
export function SingleSignOnScreen(props: {
  session: Session;
  left: boolean;
  notice: string;
  done: (session: Session) => void;
}) {
  const { session, left, notice, done } = props;
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(!left);
  const enter = () => {
    setBusy(true);
    setProblem("");
    post<Session>("/api/sign-in", {}).then(done, (reason) => {
      setProblem(messageOf(reason));
      setBusy(false);
    });
  };
  useEffect(() => {
    if (!left) enter();
  }, []);
  return (
    <main class="sign-in">
      <p class="mark">Harrier</p>
      <Heading title={left ? "You have left the console" : "Sign in"} />
      {notice && !problem && <Notice>{notice}</Notice>}
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {left && (
        <p>
          Your session here has ended. The single sign-on still knows you: whoever uses this browser can come back in.
        </p>
      )}
      <p>
        <button type="button" onClick={enter} disabled={busy}>
          {left ? "Come back in" : busy ? "Signing in…" : "Try again"}
        </button>
      </p>
      {session.sso_logout && (
        <p>
          <a href={session.sso_logout} rel="noreferrer">
            Leave the single sign-on as well
          </a>
        </p>
      )}
    </main>
  );
}
