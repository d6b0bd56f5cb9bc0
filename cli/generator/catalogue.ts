// The shop's products. Each is made from the seed and its number alone, reads like a real product,
// and has its own text.

import type { Faker } from '@faker-js/faker';
import { faker as fakerDe } from '@faker-js/faker/locale/de';
import { faker as fakerEn } from '@faker-js/faker/locale/en';
import { faker as fakerEs } from '@faker-js/faker/locale/es';
import { faker as fakerFr } from '@faker-js/faker/locale/fr';
import { faker as fakerJa } from '@faker-js/faker/locale/ja';
import { faker as fakerTr } from '@faker-js/faker/locale/tr';
import { at } from '#core/errors/assert.ts';
import { random } from './random.ts';
import type { Random } from './random.ts';
import type { Aisle, Vocabulary } from './vocabulary.ts';
import { english } from './vocabulary/english.ts';
import { french } from './vocabulary/french.ts';
import { german } from './vocabulary/german.ts';
import { japanese } from './vocabulary/japanese.ts';
import { spanish } from './vocabulary/spanish.ts';
import { turkish } from './vocabulary/turkish.ts';

export type CatalogueProduct = {
  readonly id: string;
  readonly price: number;
  /** The `product` member of an event. */
  readonly json: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  /** What people type to find it, most frequent first. */
  readonly queries: readonly string[];
  /** Language and category: a visitor stays mostly in one aisle. */
  readonly aisle: string;
  readonly offsetMinutes: number;
};

type Department = {
  readonly vocabulary: Vocabulary;
  readonly brands: readonly string[];
  readonly colours: readonly string[];
};

export type Catalogue = {
  /**
   * The product with this index, independent of earlier calls. `coded` adds a model number, which
   * makes its text unique.
   */
  product(index: number, coded: boolean): CatalogueProduct;
};

const brandsPerLanguage = 60;
const coloursPerLanguage = 24;

export function openCatalogue(seed: number): Catalogue {
  const departments: readonly Department[] = [
    department(english, fakerEn, seed),
    department(german, fakerDe, seed),
    department(french, fakerFr, seed),
    department(spanish, fakerEs, seed),
    department(turkish, fakerTr, seed),
    department(japanese, fakerJa, seed),
  ];
  return {
    product: (index, coded) =>
      makeProduct(departments, seed, index, coded ? ` ${modelNumber(index)}` : ''),
  };
}

/** The first `size` products, no two with the same text. */
export function products(catalogue: Catalogue, size: number): readonly CatalogueProduct[] {
  const texts = new Set<string>();
  return Array.from({ length: size }, (_, index) => {
    const plain = catalogue.product(index, false);
    const text = `${plain.name}\n${plain.description}`;
    if (texts.has(text)) return catalogue.product(index, true);
    texts.add(text);
    return plain;
  });
}

/** Brands and colours of a language. Faker's random picks depend on its seed alone. */
function department(vocabulary: Vocabulary, faker: Faker, seed: number): Department {
  faker.seed(seed);
  return {
    vocabulary,
    brands: faker.helpers.uniqueArray(() => faker.person.lastName(), brandsPerLanguage),
    colours: faker.helpers.uniqueArray(() => faker.color.human(), coloursPerLanguage),
  };
}

function makeProduct(
  departments: readonly Department[],
  seed: number,
  index: number,
  suffix: string,
): CatalogueProduct {
  const dice = random(seed, index);
  const { vocabulary, brands, colours } = departmentAt(departments, dice.next());
  const aisle = dice.pick<Aisle>(vocabulary.aisles);
  const { noun, styles, priceMin, priceMax } = dice.pick(aisle.items);
  const first = dice.below(aisle.features.length);
  const second = (first + 1 + dice.below(aisle.features.length - 1)) % aisle.features.length;
  const words: Words = {
    noun,
    brand: dice.pick(brands),
    style: dice.pick(styles),
    colour: dice.pick(colours),
    feature: at(aisle.features, first),
    second: at(aisle.features, second),
    material: dice.pick(aisle.materials),
    use: dice.pick(aisle.uses),
  };
  const name = capitalised(fill(dice.pick(vocabulary.names), words)) + suffix;
  const description = capitalised(fill(dice.pick(vocabulary.descriptions), words));
  const price = priceBetween(priceMin, priceMax, dice);
  const id = `p${seed}-${String(index).padStart(5, '0')}`;
  return {
    id,
    price,
    name,
    description,
    json: JSON.stringify({ id, name, description, category: aisle.category, price }),
    category: aisle.category,
    get queries() {
      return vocabulary.queries.map((query) => fill(query, words).toLowerCase());
    },
    aisle: `${vocabulary.language} ${aisle.category}`,
    offsetMinutes: vocabulary.offsetMinutes,
  };
}

type Words = Readonly<Record<string, string>>;

const compiled = new Map<string, readonly string[]>();

/**
 * `fill('{noun} for {use}', …)` → `running shoes for rainy days`. Each template is split once; its
 * placeholders then have odd indices.
 */
function fill(template: string, words: Words): string {
  let parts = compiled.get(template);
  if (parts === undefined) compiled.set(template, (parts = template.split(/\{(\w+)\}/)));
  let text = '';
  for (let index = 0; index < parts.length; index += 1) {
    const part = at(parts, index);
    text += index % 2 === 0 ? part : (words[part] ?? part);
  }
  return text;
}

function departmentAt(departments: readonly Department[], share: number): Department {
  let rest = share;
  for (const one of departments) {
    rest -= one.vocabulary.share;
    if (rest < 0) return one;
  }
  const [first] = departments;
  if (first === undefined) throw new RangeError('A catalogue needs at least one language');
  return first;
}

/** Log-uniform, since cheap products are more common; the price ends as in a shop (.99, .95). */
function priceBetween(min: number, max: number, dice: Random): number {
  const whole = Math.round(Math.exp(Math.log(min) + dice.next() * (Math.log(max) - Math.log(min))));
  return Math.max(1, whole) + dice.pick([-0.01, -0.01, -0.05, 0, -0.5]);
}

/** A different model number for every index, such as `M-00A7K`. */
function modelNumber(index: number): string {
  return `M-${index.toString(36).toUpperCase().padStart(5, '0')}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
