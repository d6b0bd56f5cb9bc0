// Guesses what a column of an unknown log means, from its name and its texts.

import { parseTimestamp, timestampOfUnix, withOffset } from '#core/event/timestamp.ts';
import type { EventType } from '#core/ports.ts';
import { utcOffset } from '#core/time/zone-offset.ts';
import { readNumber } from './numbers.ts';
import type { SampleColumn } from './sample-columns.ts';

type Role = {
  /** The last parts of a column's name, in letters only, the likeliest first. */
  readonly names: readonly string[];
  /** Names that mean this only inside of a product, an item or the like. */
  readonly inProduct: readonly string[];
  readonly fits: (text: string) => boolean;
};

const words = (text: string): readonly string[] => text.match(/\S+/g) ?? [];
const isText = (text: string): boolean => /\p{L}/u.test(text) && !/^[[{]/.test(text);
const isId = (text: string): boolean => text.length <= 256 && !/^\s*[[{]/.test(text);
const isNumber = (text: string): boolean =>
  readNumber(text, 'point') !== null || readNumber(text, 'comma') !== null;
/** Any time that an event may have. */
export const isTime = (text: string): boolean =>
  parseTimestamp(timestampOfUnix(text) ?? withOffset(text, utcOffset)).ok;

const role = (names: string, inProduct: string, fits: Role['fits']): Role => ({
  names: words(names),
  inProduct: words(inProduct),
  fits,
});

export const roles = {
  eventType: role(
    `eventtype event action actionname eventname activity actiontype verb type name kind`,
    '',
    isId,
  ),
  timestamp: role(
    `timestamp eventtimestamp derivedtstamp eventtime time occurredat processedat createdat
     datecreatedgmt collectortstamp starttime timestampmicros originaltimestamp receivedat
     datecreated updatedat datetime date ts invoicedate orderpurchasetimestamp orderdate eventdate
     tdat when at orderedat ordertime purchasedate purchasedat saledate soldat transactiondate
     paidat placedat day`,
    '',
    () => true,
  ),
  user: role(
    `userid user customerid customer customeruniqueid visitorid memberid accountid buyerid shopperid
     personid uid anonymousid domainuserid userpseudoid agentidentifier agentid clientid deviceid
     cookieid cookie networkuserid customerno customernumber customeremail useremail email
     emailaddress buyer customername`,
    '',
    isId,
  ),
  session: role(`sessionid usersession session domainsessionid visitid visit`, '', isId),
  /** Stands for the user where visitors have no name. */
  guest: role(
    `sessionid session token cartid orderkey orderid orderno ordernumber invoiceno invoice receipt
     id`,
    '',
    isId,
  ),
  /** Tells that the log is of orders. */
  order: role(
    `orderid orderno ordernumber order invoiceno invoice invoiceid invoicenumber receiptid receipt
     transactionid lineitemname paidat`,
    '',
    isId,
  ),
  eventId: role(
    `eventid messageid msgid hitid uuid guid id identifier orderid queryid requestid`,
    '',
    isId,
  ),
  productId: role(
    `productid itemid articleid stockcode sku productsku itemsku lineitemsku asin aid variantid
     productcode itemcode productno itemno articleno productnumber itemnumber articlenumber
     objectid gtin ean upc item article product`,
    `productid sku id identifier`,
    isId,
  ),
  productName: role(
    `productname itemname producttitle itemtitle prodname articlename lineitemname`,
    `title name label description`,
    isText,
  ),
  /** Names a product where nothing else does. */
  title: role(`title name label item product article`, '', isText),
  description: role(`description`, '', isText),
  category: role(
    `category categoryname itemcategory productcategory productcategoryname categorycode producttype
     department categorypath collection productgroup productline itemgroup subcategory section`,
    'type',
    isText,
  ),
  brand: role(`brand brandname itembrand vendor manufacturer`, '', isText),
  price: role(
    `price itemprice unitprice productprice saleprice currentprice offersprice lineitemprice
     listprice retailprice priceusd priceeur pricegbp amount`,
    'value',
    isNumber,
  ),
  quantity: role(`quantity qty count units lineitemquantity pieces`, '', isNumber),
  query: role(
    `searchquery userquery searchterm searchtext searchphrase query q keyword keywords term`,
    '',
    isText,
  ),
} as const satisfies Readonly<Record<string, Role>>;

/** The share of the texts that has to fit. */
const fittingMin = 0.9;
const productParts = /product|item|object|article|line|properties|detail|goods|offer/i;
const letters = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** The columns that may have a role, the likeliest first. */
export function columnsOf(
  { names, inProduct, fits }: Role,
  columns: readonly SampleColumn[],
): readonly SampleColumn[] {
  return columns
    .map((column) => ({ column, rank: rankOf(column, names, inProduct) }))
    .filter(
      ({ column: { texts }, rank }) =>
        rank !== null && texts.filter(fits).length >= fittingMin * texts.length,
    )
    .toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0))
    .map(({ column }) => column);
}

function rankOf(
  { name, list }: SampleColumn,
  names: readonly string[],
  inProduct: readonly string[],
): number | null {
  // A title such as `Item no.` is no path.
  const path = name.split('.').filter((part) => part.trim() !== '');
  const last = letters(path.at(-1) ?? '');
  const both = letters(path.slice(-2).join(''));
  const [own, joined] = [names.indexOf(last), names.indexOf(both)];
  const ranks = [own, joined].filter((rank) => rank >= 0);
  if (ranks.length > 0) return Math.min(...ranks);
  const isInProduct = list !== '' || path.slice(0, -1).some((part) => productParts.test(part));
  const inner = isInProduct ? inProduct.indexOf(last) : -1;
  return inner >= 0 ? names.length + inner : null;
}

const typeNames: readonly (readonly [EventType, RegExp])[] = [
  ['remove_from_cart', /^(remove|delete)(d|item)*(from)?(cart|basket|bag)$|^(cart|product)remov/],
  ['wishlist_add', /^(?!remove|delete).*(wish|favou?rite)|^wantaction$/],
  [
    'add_to_cart',
    /^add(ed)?(item)?(to)?(cart|basket|bag)$|^(cart|basket)s?(add(ed)?)?$|^productadded$/,
  ],
  ['purchase', /^(purchase[ds]?|orders?|ordered|buy|bought|transaction|sale|conversion|paid)$/],
  ['purchase', /^(order|checkout)(completed|placed|paid|created)$|^(buy|order)action$/],
  ['search', /^(on)?search(e[ds])?$|^productssearched$|^searchaction$|^query$/],
  ['view', /^(item|product|detail)?(view|click)(e?d|s|item|product|action)?$/],
];

/** `null` for a name of something else, such as `page_view`. */
export function eventTypeOf(name: string): EventType | null {
  const plain = letters(name);
  return typeNames.find(([, pattern]) => pattern.test(plain))?.[0] ?? null;
}
