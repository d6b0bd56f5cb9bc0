// The building blocks that pages share. Their look is in style.css and components.css.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'none';
type Children = { readonly children?: ComponentChildren };

/** A surface with a heading; `aside` stands at the right of the heading. */
export function Card({
  title,
  aside,
  class: extra = '',
  children,
}: Children & {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly class?: string;
}) {
  return (
    <section class={`card ${extra}`} aria-label={title}>
      <header class="card-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** One number of a list of figures (`<dl class="figure-row">`), with what it means. */
export function Figure({
  label,
  value,
  unit,
  note,
}: {
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <b>{value}</b>
        {unit !== undefined && <span class="figure-unit">{unit}</span>}
        {note !== undefined && <span class="figure-note">{note}</span>}
      </dd>
    </div>
  );
}

/** A coloured dot with words: the colour alone never carries the meaning. */
export function Status({ tone, children }: Children & { readonly tone: Tone }) {
  return <span class={`status is-${tone}`}>{children}</span>;
}

/** A message across the page. `role="alert"` for trouble, which a screen reader says at once. */
export function Notice({ tone, children }: Children & { readonly tone: Tone }) {
  return (
    <p class={`notice is-${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      {children}
    </p>
  );
}

/** What a list says while it has nothing to show. */
export function Empty({ title, children }: Children & { readonly title: string }) {
  return (
    <div class="empty">
      <p>
        <b>{title}</b>
      </p>
      {children}
    </div>
  );
}

/** One of a few, beside each other. */
export function Choice<T extends string | number>({
  label,
  name,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly name: string;
  readonly options: readonly (readonly [T, string])[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input
            type="radio"
            name={name}
            checked={option === value}
            onChange={() => onChange(option)}
          />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Any of a few, as chips. */
export function Choices<T extends string>({
  label,
  options,
  chosen,
  onChange,
}: {
  readonly label: string;
  readonly options: readonly (readonly [T, string])[];
  readonly chosen: readonly T[];
  readonly onChange: (chosen: readonly T[]) => void;
}) {
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {options.map(([option, text]) => {
        const isChosen = chosen.includes(option);
        return (
          <button
            key={option}
            class="chip"
            type="button"
            aria-pressed={isChosen}
            onClick={() =>
              onChange(isChosen ? chosen.filter((one) => one !== option) : [...chosen, option])
            }
          >
            {text}
          </button>
        );
      })}
    </fieldset>
  );
}

export type Bar = {
  readonly label: ComponentChildren;
  readonly key: string;
  readonly value: number;
  readonly text: string;
};

/** Amounts beside each other, as bars of the largest. */
export function Bars({ bars }: { readonly bars: readonly Bar[] }) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  return (
    <ul class="bars">
      {bars.map(({ key, label, value, text }) => (
        <li key={key}>
          <span class="bar-label">{label}</span>
          <span class="bar-text">{text}</span>
          <meter min={0} max={most} value={value} aria-hidden="true" />
        </li>
      ))}
    </ul>
  );
}

/** A command to run elsewhere, with a button that copies it. */
export function CopyLine({ text }: { readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = (): void =>
    // Without a secure context there is no clipboard: the text can still be selected.
    void navigator.clipboard?.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <div class="copy-line">
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      <button class="button is-small" type="button" onClick={copy}>
        {isCopied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
