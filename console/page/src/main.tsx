// The page: who is signed in, which screen the address names, and the frame around it.
import { render, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, isAtLeast, post, type Role, type Session, setSession, whenSignedOut } from "./shared/api";
import { clean } from "./shared/format";
import { JobScreen } from "./screens/job";
import { JobsScreen } from "./screens/jobs";
import { LiveScreen } from "./screens/live";
import { OperationsScreen } from "./screens/operations";
import { PasswordScreen } from "./screens/password";
import { PerformanceScreen } from "./screens/performance";
import { PeopleScreen } from "./screens/people";
import { QueueScreen } from "./screens/queue";
import { Heading, messageOf, Notice } from "./shared/parts";
import { followLinks, go, transactionAddress, usePlace } from "./shared/router";
import { RuleFiguresScreen } from "./screens/rule_figures";
import { applySettings, beginTheme, SettingsBar } from "./shared/settings";
import { SearchScreen } from "./screens/search";
import { SignInScreen } from "./screens/sign_in";
import "./style.css";
import { TransactionScreen } from "./screens/transaction";

interface Shown {
  session: Session;
  query: URLSearchParams;
  changed: () => void; // the person's own password
}

// Every screen: its address, its name in the bar at the top if it is there, the least role that sees it.
const SCREENS: { path: string; name?: string; least: Role; show: (props: Shown) => ComponentChildren }[] = [
  { path: "/live", name: "Live", least: "viewer", show: ({ session }) => <LiveScreen session={session} /> },
  { path: "/queue", name: "Queue", least: "viewer", show: ({ session }) => <QueueScreen session={session} /> },
  {
    path: "/transaction",
    least: "viewer",
    show: ({ session, query }) => (
      <TransactionScreen key={query.get("id")} id={query.get("id") ?? ""} session={session} />
    ),
  },
  { path: "/search", name: "Search", least: "viewer", show: ({ session }) => <SearchScreen session={session} /> },
  { path: "/rules/figures", name: "Figures", least: "viewer", show: () => <RuleFiguresScreen /> },
  { path: "/jobs", name: "Jobs", least: "viewer", show: ({ session }) => <JobsScreen session={session} /> },
  {
    path: "/job",
    least: "viewer",
    show: ({ session, query }) => <JobScreen key={query.get("id")} id={query.get("id") ?? ""} session={session} />,
  },
  { path: "/performance", name: "Performance", least: "viewer", show: () => <PerformanceScreen /> },
  {
    path: "/operations",
    name: "Operations",
    least: "viewer",
    show: ({ session }) => <OperationsScreen session={session} />,
  },
  { path: "/people", name: "People", least: "admin", show: () => <PeopleScreen /> },
  {
    path: "/password",
    least: "viewer",
    show: ({ session, changed }) => <PasswordScreen session={session} changed={changed} />,
  },
];

function Screen({ session, changed }: { session: Session; changed: () => void }) {
  const { path, query } = usePlace();
  const screen = SCREENS.find((each) => each.path === (path === "/" ? "/live" : path));
  if (!screen) return <Heading title="There is no such screen" />;
  if (!isAtLeast(session.role, screen.least)) return <Heading title={`This takes the role ${screen.least}`} />;
  return <>{screen.show({ session, query, changed })}</>;
}

// A screen that was opened gets the focus, as a page that was loaded would.
function useFocusOnScreen(path: string): void {
  const last = useRef(path);
  useEffect(() => {
    if (last.current !== path) document.getElementById("main")?.focus();
    last.current = path;
  }, [path]);
}

function Frame(props: {
  session: Session;
  signOut: () => void;
  changed: () => void;
  problem: string;
  set: (session: Session) => void; // its settings
}) {
  const { session, signOut, changed, problem, set } = props;
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
          {SCREENS.filter((screen) => screen.name && isAtLeast(session.role, screen.least)).map((screen) => (
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
      <SettingsBar session={session} changed={set} />
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
    applySettings(next);
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
  return <Frame session={session} signOut={signOut} changed={changed} problem={problem} set={(next) => show(next)} />;
}

beginTheme();
followLinks();
render(<App />, document.getElementById("app") as HTMLElement);
