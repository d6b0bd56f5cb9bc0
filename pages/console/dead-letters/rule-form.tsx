// The form of a rule that corrects all dead letters of a cause: which members, and how each is
// made.

import { ways, type RuleLine } from './correction-rule.ts';

export function RuleForm({
  lines,
  isBusy,
  onLines,
  onPreview,
}: {
  readonly lines: readonly RuleLine[];
  readonly isBusy: boolean;
  readonly onLines: (lines: readonly RuleLine[]) => void;
  readonly onPreview: () => void;
}) {
  const change = (index: number, changes: Partial<RuleLine>): void =>
    onLines(lines.map((line, i) => (i === index ? { ...line, ...changes } : line)));
  return (
    <form
      class="rule"
      onSubmit={(event) => {
        event.preventDefault();
        onPreview();
      }}
    >
      {lines.map((line, index) => (
        <Line
          key={index}
          line={line}
          number={index + 1}
          onChange={(changes) => change(index, changes)}
          {...(lines.length > 1 && {
            onRemove: () => onLines(lines.filter((_, i) => i !== index)),
          })}
        />
      ))}
      <p class="hint">
        <code>{'{user_id}'}</code> stands for that member of the event; other text stays, as in{' '}
        <code>{'guest:{session_id}'}</code>.
      </p>
      <p class="actions">
        <button class="button is-small is-primary" type="submit" disabled={isBusy}>
          Preview the rule
        </button>
        <button
          class="button is-small"
          type="button"
          disabled={isBusy}
          onClick={() => onLines([...lines, { member: '', how: 'text', from: '' }])}
        >
          Another member
        </button>
      </p>
    </form>
  );
}

function Line({
  line: { member, how, from },
  number,
  onChange,
  onRemove,
}: {
  readonly line: RuleLine;
  readonly number: number;
  readonly onChange: (changes: Partial<RuleLine>) => void;
  readonly onRemove?: () => void;
}) {
  return (
    <fieldset class="rule-line">
      <legend class="visually-hidden">Change {number}</legend>
      <label>
        Member
        <input
          value={member}
          required
          spellcheck={false}
          autocomplete="off"
          placeholder="product.price"
          onInput={({ currentTarget: { value } }) => onChange({ member: value })}
        />
      </label>
      <label>
        How
        <select
          value={how}
          onChange={({ currentTarget: { value } }) =>
            onChange({ how: ways.find(([way]) => way === value)?.[0] ?? 'text' })
          }
        >
          {ways.map(([way, words]) => (
            <option key={way} value={way}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {how !== 'remove' && (
        <label>
          Made from
          <input
            value={from}
            required
            spellcheck={false}
            autocomplete="off"
            onInput={({ currentTarget: { value } }) => onChange({ from: value })}
          />
        </label>
      )}
      {onRemove !== undefined && (
        <button class="button is-small" type="button" onClick={onRemove}>
          Leave it out
        </button>
      )}
    </fieldset>
  );
}
