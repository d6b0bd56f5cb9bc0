// The answers of the double to refused requests, with the server's messages.

export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The body does not have the expected form. */
export const formatError = (problem: string): Refusal =>
  new Refusal(400, `Format error in JSON body: ${problem}`);
/** The body has the expected form, but one of its values is not allowed. */
export const validationError = (problem: string): Refusal =>
  new Refusal(422, `Validation error in JSON body: [${problem}]`);
export const tooLarge = (bytes: number, max: number): Refusal =>
  new Refusal(
    400,
    `Payload error: JSON payload (${bytes} bytes) is larger than allowed (limit: ${max} bytes).`,
  );
export const wrongInput = (problem: string, status = 400): Refusal =>
  new Refusal(status, `Wrong input: ${problem}`);
export const noCollection = (name: string): Refusal =>
  new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`);
