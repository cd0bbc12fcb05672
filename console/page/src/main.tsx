// The page: who is signed in, which screen the address names, and the frame around it.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, post, type Session, setSession, whenSignedOut } from "./api";
import { clean, zoneOf } from "./format";
import { LiveScreen } from "./live";
import { OperationsScreen } from "./operations";
import { PasswordScreen } from "./password";
import { PeopleScreen } from "./people";
import { QueueScreen } from "./queue";
import { Heading, messageOf, Notice } from "./parts";
import { followLinks, go, transactionAddress, usePlace } from "./router";
import { SearchScreen } from "./search";
import { SignInScreen } from "./sign_in";
import "./style.css";
import { TransactionScreen } from "./transaction";

const SCREENS = [
  { path: "/live", name: "Live" },
  { path: "/queue", name: "Queue" },
  { path: "/search", name: "Search" },
  { path: "/operations", name: "Operations" },
  { path: "/people", name: "People", admin: true },
];

function Screen({ session, changed }: { session: Session; changed: () => void }) {
  const { path, query } = usePlace();
  switch (path) {
    case "/":
    case "/live":
      return <LiveScreen />;
    case "/queue":
      return <QueueScreen session={session} />;
    case "/transaction":
      return <TransactionScreen key={query.get("id")} id={query.get("id") ?? ""} session={session} />;
    case "/search":
      return <SearchScreen />;
    case "/operations":
      return <OperationsScreen />;
    case "/password":
      return <PasswordScreen session={session} changed={changed} />;
    case "/people":
      return session.role === "admin" ? <PeopleScreen /> : <Heading title="This takes the role admin" />;
    default:
      return <Heading title="There is no such screen" />;
  }
}

// A screen that was opened gets the focus, as a page that was loaded would.
function useFocusOnScreen(path: string): void {
  const last = useRef(path);
  useEffect(() => {
    if (last.current !== path) document.getElementById("main")?.focus();
    last.current = path;
  }, [path]);
}

function Frame(props: { session: Session; signOut: () => void; changed: () => void; problem: string }) {
  const { session, signOut, changed, problem } = props;
  const { path } = usePlace();
  useFocusOnScreen(path);
  const jump = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const id = String(new FormData(form).get("id")).trim();
    if (id) go(transactionAddress(id));
    form.reset();
  };
  const here = path === "/" ? "/live" : path;
  return (
    <>
      <a class="skip" href="#main">
        Skip to the screen
      </a>
      <header class="top">
        <span class="mark">Harrier</span>
        <nav aria-label="Screens">
          {SCREENS.filter((screen) => !screen.admin || session.role === "admin").map((screen) => (
            <a key={screen.path} href={screen.path} aria-current={here === screen.path ? "page" : undefined}>
              {screen.name}
            </a>
          ))}
        </nav>
        <form onSubmit={jump} role="search">
          <input name="id" type="search" placeholder="Transaction id" aria-label="Open a transaction by its id" />
        </form>
        <span class="who">
          <a href="/password" title="Change your password">
            {clean(session.person ?? "")}
          </a>{" "}
          <span class="muted">{session.role}</span>
        </span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {problem && <Notice bad>{problem}</Notice>}
        <Screen session={session} changed={changed} />
      </main>
      <footer class="muted">Times are of {zoneOf(new Date())}.</footer>
    </>
  );
}

const ENDED = "Your session has ended. Sign in to go on where you were; a note that you were writing is kept.";

function App() {
  const [session, setShown] = useState<Session | null>(null);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState("");
  const show = (next: Session, why = "") => {
    setSession(next);
    setShown(next);
    setNotice(why);
    setProblem("");
  };
  const load = () => {
    setProblem("");
    get<Session>("/api/session").then(
      (next) => show(next),
      (reason) => setProblem(messageOf(reason)),
    );
  };
  useEffect(() => {
    whenSignedOut(() => show({ person: null }, ENDED));
    load();
  }, []);
  if (!session)
    return problem ? (
      <main class="sign-in">
        <Notice bad>{clean(problem)}</Notice>
        <button type="button" onClick={load}>
          Try again
        </button>
      </main>
    ) : null;
  if (!session.person) return <SignInScreen done={(next) => show(next)} notice={notice} />;
  // Who cannot be signed out is told so, rather than shown a screen that looks like it.
  const signOut = () =>
    void post<Session>("/api/sign-out", {}).then(
      (next) => show(next),
      (reason) => setProblem(`You are still signed in. ${clean(messageOf(reason))}`),
    );
  const changed = () => {
    go("/");
    show({ person: null }, "Your password is changed. Sign in with it.");
  };
  return <Frame session={session} signOut={signOut} changed={changed} problem={problem} />;
}

followLinks();
render(<App />, document.getElementById("app") as HTMLElement);
