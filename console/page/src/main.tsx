// The page: who is signed in, which screen the address names, and the frame around it.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, post, type Session, setSession, whenSignedOut } from "./api";
import { clean } from "./format";
import { LiveScreen } from "./live";
import { OperationsScreen } from "./operations";
import { PeopleScreen } from "./people";
import { QueueScreen } from "./queue";
import { followLinks, go, usePlace } from "./router";
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

function Screen({ session }: { session: Session }) {
  const { path } = usePlace();
  const id = /^\/transaction\/(.+)$/.exec(path)?.[1];
  if (id !== undefined) return <TransactionScreen id={decodeURIComponent(id)} session={session} />;
  switch (path) {
    case "/":
    case "/live":
      return <LiveScreen />;
    case "/queue":
      return <QueueScreen session={session} />;
    case "/search":
      return <SearchScreen />;
    case "/operations":
      return <OperationsScreen />;
    case "/people":
      return session.role === "admin" ? <PeopleScreen /> : <p>This takes the role admin.</p>;
    default:
      return <p>There is no such screen.</p>;
  }
}

function Frame({ session, signOut }: { session: Session; signOut: () => void }) {
  const { path } = usePlace();
  const jump = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const id = String(new FormData(form).get("id")).trim();
    if (id) go(`/transaction/${encodeURIComponent(id)}`);
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
          {clean(session.person ?? "")} <span class="muted">{session.role}</span>
        </span>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        <Screen session={session} />
      </main>
    </>
  );
}

function App() {
  const [session, setShown] = useState<Session | null>(null);
  const show = (next: Session) => {
    setSession(next);
    setShown(next);
  };
  useEffect(() => {
    whenSignedOut(() => show({ person: null }));
    get<Session>("/api/session").then(show, () => show({ person: null }));
  }, []);
  if (!session) return null;
  if (!session.person) return <SignInScreen done={show} />;
  const signOut = () => void post<Session>("/api/sign-out", {}).then(show, () => show({ person: null }));
  return <Frame session={session} signOut={signOut} />;
}

followLinks();
render(<App />, document.getElementById("app") as HTMLElement);
