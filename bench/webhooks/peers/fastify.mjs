// The same on Fastify.
import { createHmac, timingSafeEqual } from 'node:crypto'
import fastify from 'fastify'
import Redis from 'ioredis'

const redis = new Redis(process.env.REDIS_URL)
const secret = process.env.WEBHOOK_SECRET
const stream = process.env.STREAM
const app = fastify({ bodyLimit: 1048576 })

app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => done(null, body))
app.post('/webhooks/clio/:key', async (request, reply) => {
  const expected = createHmac('sha256', secret).update(request.body).digest()
  const signature = Buffer.from(request.headers['x-hook-signature'] ?? '', 'hex')
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
    return reply.code(401).send({ error: 'signature' })
  }
  await redis.xadd(stream, '*', 'd', request.body)
  return { received: true }
})

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
