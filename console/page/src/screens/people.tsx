// People and the audit log: for admins.
import { useState } from "preact/hooks";
import { get, post, type AuditEntry, type Person, ROLES, type Role } from "../shared/api";
import { clean, dateTimeOf } from "../shared/format";
import { Heading, messageOf, Notice, usePolled } from "../shared/parts";

export function PeopleScreen() {
  const { value, failure, reload } = usePolled((signal) => get<{ people: Person[] }>("/api/people", {}, signal), 0, []);
  const audit = usePolled((signal) => get<{ entries: AuditEntry[] }>("/api/audit", {}, signal), 5000, []);
  const [problem, setProblem] = useState("");
  const [made, setMade] = useState<{ name: string; password: string } | null>(null);

  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    const element = event.currentTarget as HTMLFormElement;
    const form = new FormData(element);
    const name = String(form.get("name"));
    try {
      setProblem("");
      const answer = await post<{ password: string }>("/api/people/create", { name, role: form.get("role") });
      setMade({ name, password: answer.password });
      element.reset();
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    reload();
  };
  const update = async (person: Person, change: Partial<Person>) => {
    try {
      setProblem("");
      const { name, role, disabled } = { ...person, ...change };
      await post("/api/people/update", { name, role, disabled });
    } catch (reason) {
      setProblem(messageOf(reason));
    }
    reload();
  };
  return (
    <>
      <Heading title="People" />
      {failure && <Notice bad>{failure}</Notice>}
      {problem && <Notice bad>{clean(problem)}</Notice>}
      {made && (
        <Notice>
          The first password of {clean(made.name)}, shown once: <code>{made.password}</code>
        </Notice>
      )}
      {!value && !failure && <p class="muted">Loading…</p>}
      <div class="scroll" role="region" aria-label="Who may sign in" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Since</th>
              <th scope="col">Sessions</th>
              <th scope="col">May sign in</th>
            </tr>
          </thead>
          <tbody>
            {(value?.people ?? []).map((person) => (
              <tr key={person.name}>
                <td>{clean(person.name)}</td>
                <td>
                  <select
                    aria-label={`Role of ${clean(person.name)}`}
                    value={person.role}
                    onChange={(event) => void update(person, { role: event.currentTarget.value as Role })}
                  >
                    {ROLES.map((role) => (
                      <option key={role}>{role}</option>
                    ))}
                  </select>
                </td>
                <td class="short">{dateTimeOf(person.created)}</td>
                <td>{person.sessions}</td>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${clean(person.name)} may sign in`}
                    checked={!person.disabled}
                    onChange={() => void update(person, { disabled: !person.disabled })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <form class="bar-of-filters" onSubmit={(event) => void create(event)}>
        <label>
          Name <input name="name" required maxLength={64} />
        </label>
        <label>
          Role{" "}
          <select name="role">
            {ROLES.map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </label>
        <button type="submit">Add</button>
      </form>
      <h2>Audit log</h2>
      {audit.failure && <Notice bad>{audit.failure}</Notice>}
      {!audit.value && !audit.failure && <p class="muted">Loading…</p>}
      <div class="scroll" role="region" aria-label="Audit log" tabIndex={0}>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">From</th>
              <th scope="col">What</th>
              <th scope="col">Of</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {(audit.value?.entries ?? []).map((entry) => (
              <tr key={entry.id}>
                <td class="short">{dateTimeOf(entry.at)}</td>
                <td>{clean(entry.person) || "–"}</td>
                <td>{clean(entry.address)}</td>
                <td>{clean(entry.action)}</td>
                <td>{clean(entry.subject)}</td>
                <td>{clean(entry.before)}</td>
                <td>{clean(entry.after)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
