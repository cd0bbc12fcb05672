// The page: who is signed in, which screen the address names, and the frame around it.
import { render, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, isAtLeast, post, type Role, type Session, setSession, whenSignedOut } from "./shared/api";
import { jumpAddress } from "./shared/entities";
import { clean } from "./shared/format";
import { EntityScreen } from "./screens/entity";
import { JobScreen } from "./screens/job";
import { JobsScreen } from "./screens/jobs";
import { LiveScreen } from "./screens/live";
import { OperationsScreen } from "./screens/operations";
import { PasswordScreen } from "./screens/password";
import { PerformanceScreen } from "./screens/performance";
import { PeopleScreen } from "./screens/people";
import { QueueScreen } from "./screens/queue";
import { Heading, messageOf, Notice } from "./shared/parts";
import { followLinks, go, usePlace } from "./shared/router";
import { RulesScreen } from "./screens/rules";
import { RuleFiguresScreen } from "./screens/rule_figures";
import { applySettings, beginTheme, SettingsBar } from "./shared/settings";
import { SearchScreen } from "./screens/search";
import { SignInScreen } from "./screens/sign_in";
import { SingleSignOnScreen } from "./screens/single_sign_on";
import "./style.css";
import { TransactionScreen } from "./screens/transaction";

interface Shown {
  session: Session;
  query: URLSearchParams;
  changed: () => void; // the person's own password
}

interface ScreenEntry {
  path: string;
  name?: string; // in the bar at the top, if it is there
  under?: string; // the one there that leads to it
  least: Role; // who sees it
  show: (props: Shown) => ComponentChildren;
}

const SCREENS: ScreenEntry[] = [
  { path: "/live", name: "Live", least: "viewer", show: ({ session }) => <LiveScreen session={session} /> },
  { path: "/queue", name: "Queue", least: "viewer", show: ({ session }) => <QueueScreen session={session} /> },
  {
    path: "/transaction",
    least: "viewer",
    show: ({ session, query }) => (
      <TransactionScreen key={query.get("id")} id={query.get("id") ?? ""} session={session} />
    ),
  },
  { path: "/entity", least: "viewer", show: ({ session }) => <EntityScreen session={session} /> },
  { path: "/search", name: "Search", least: "viewer", show: ({ session }) => <SearchScreen session={session} /> },
  {
    path: "/rules",
    name: "Rules",
    least: "viewer",
    show: ({ session, query }) => <RulesScreen session={session} query={query} />,
  },
  {
    path: "/rules/figures",
    under: "/rules",
    least: "viewer",
    show: ({ session }) => <RuleFiguresScreen session={session} />,
  },
  { path: "/jobs", name: "Jobs", least: "viewer", show: ({ session }) => <JobsScreen session={session} /> },
  {
    path: "/job",
    under: "/jobs",
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
    const text = String(new FormData(form).get("text")).trim();
    if (text) go(jumpAddress(text));
    form.reset();
  };
  const here = path === "/" ? "/live" : path;
  const under = SCREENS.find((screen) => screen.path === here)?.under;
  // "true" is for what is part of where one is, but not this page itself.
  const currentOf = (address: string) => (here === address ? "page" : under === address ? "true" : undefined);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the screen
      </a>
      <header class="top">
        <span class="mark">Harrier</span>
        <nav aria-label="Screens">
          {SCREENS.filter((screen) => screen.name && isAtLeast(session.role, screen.least)).map((screen) => (
            <a key={screen.path} href={screen.path} aria-current={currentOf(screen.path)}>
              {screen.name}
            </a>
          ))}
        </nav>
        <form onSubmit={jump} role="search">
          <input
            name="text"
            type="search"
            placeholder="id, card=… or rule:…"
            aria-label="Open a transaction by its id, an entity as card=…, or a rule's transactions as rule:…"
          />
        </form>
        <span class="who">
          {session.sso ? (
            clean(session.person ?? "")
          ) : (
            <a href="/password" title="Change your password">
              {clean(session.person ?? "")}
            </a>
          )}{" "}
          <span class="muted">{session.role}</span>
        </span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {problem && <Notice bad>{problem}</Notice>}
        {session.exposed && (
          <Notice bad>
            This console is reached without TLS: whoever sees the traffic can read it, and work as you. An admin should
            give it a certificate.
          </Notice>
        )}
        <Screen session={session} changed={changed} />
      </main>
      <SettingsBar session={session} changed={set} />
    </>
  );
}

const ENDED = "Your session has ended. Sign in to go on where you were; a note that you were writing is kept.";

const NOBODY: Session = { person: null, sso: false, exposed: false };

function App() {
  const [session, setShown] = useState<Session | null>(null);
  const [notice, setNotice] = useState("");
  const [problem, setProblem] = useState("");
  const [left, setLeft] = useState(false);
  const show = (next: Session, why = "") => {
    setSession(next);
    applySettings(next);
    setShown(next);
    setNotice(why);
    setProblem("");
  };
  // With a single sign-on nobody comes back in without asking to.
  const leave = (why: string) => {
    setSession(NOBODY);
    setShown((last) => ({ ...NOBODY, ...last, person: null }));
    setNotice(why);
    setProblem("");
    setLeft(true);
  };
  const enter = (next: Session) => {
    setLeft(false);
    show(next);
  };
  const load = () => {
    setProblem("");
    get<Session>("/api/session").then(
      (next) => show(next),
      (reason) => setProblem(messageOf(reason)),
    );
  };
  useEffect(() => {
    whenSignedOut(() => leave(ENDED));
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
  if (!session.person && session.sso)
    return <SingleSignOnScreen session={session} left={left} notice={notice} done={enter} />;
  if (!session.person) return <SignInScreen done={enter} notice={notice} />;
  // Who cannot be signed out is told so, rather than shown a screen that looks like it.
  const signOut = () =>
    void post<Session>("/api/sign-out", {}).then(
      (next) => {
        setLeft(true);
        show(next);
      },
      (reason) => setProblem(`You are still signed in. ${clean(messageOf(reason))}`),
    );
  const changed = () => {
    go("/");
    leave("Your password is changed. Sign in with it.");
  };
  return <Frame session={session} signOut={signOut} changed={changed} problem={problem} set={(next) => show(next)} />;
}

beginTheme();
followLinks();
render(<App />, document.getElementById("app") as HTMLElement);
