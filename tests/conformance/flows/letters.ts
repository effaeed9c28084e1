// What the flows in TypeScript share: whom they are, what they import, and the token of the letter.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

function needed(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is missing`);
  return value;
}

export const base = needed("ROWHOUSE_URL");
export const email = needed("ROWHOUSE_EMAIL");
export const password = "brass lamps and woollen rugs";
export const products = new Blob(["sku,name,price_minor\nLMP-1,Brass lamp,4900\nLMP-2,Oak lamp,5900\nRUG-1,Wool rug,19900\n"]);
export const names = [0, 1, 2, 3, 4].map((number) => `Project ${number}`);

/** A letter appears in the terminal of `rowhouse dev` when it has left, which is after the answer. */
export async function tokenOfLetter(): Promise<string> {
  for (let times = 0; times < 100; times++) {
    const ours = readFileSync(needed("ROWHOUSE_LETTERS"), "utf8").split(`To: ${email}`)[1];
    const token = ours?.match(/#token=(\S+)/)?.[1];
    if (token) return token;
    await setTimeout(100);
  }
  throw new Error(`no letter to ${email}`);
}

export const moment = () => setTimeout(100);
