// A receiver of webhooks that verifies what it is sent with the published library: node webhooks.mjs PORT SECRET. A line for each message.
import { createRequire } from "node:module";
import http from "node:http";

const { Webhook } = createRequire(import.meta.url)("standardwebhooks");
const [port, secret] = process.argv.slice(2);
http
  .createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      let status = 204;
      try {
        console.log(JSON.stringify(new Webhook(secret).verify(body, request.headers)));
      } catch (error) {
        console.log(`REFUSED ${error.message}`);
        status = 400;
      }
      response.writeHead(status).end();
    });
  })
  .listen(Number(port), "127.0.0.1", () => console.log("LISTENING"));
